"""The API's description, generated from the models that read its bodies and type its answers."""
