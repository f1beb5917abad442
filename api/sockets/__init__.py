"""Live updates: one event feed per process, one writer per socket."""
