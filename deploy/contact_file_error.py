"""The one error of reading a contact list."""


class ContactFileError(Exception):
    """The file cannot be used; `str()` is a sentence for its owner."""
