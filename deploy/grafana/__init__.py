"""Dashboards for Grafana: declared here, written as JSON by `python -m deploy.grafana`."""
