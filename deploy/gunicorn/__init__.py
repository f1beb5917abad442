"""gunicorn as we run it: one module per service, `-c python:deploy.gunicorn.<service>`."""
