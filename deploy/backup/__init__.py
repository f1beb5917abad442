"""Backups: the database as one file, and back."""
