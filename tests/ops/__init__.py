"""What operators use, proved with their own tools: run by `make test-ops`, never by `make test`."""
