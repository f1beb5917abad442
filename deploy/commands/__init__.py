"""Subcommands of `rapidflow`, one file each."""
