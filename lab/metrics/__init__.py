"""What was observed: metrics of Prometheus, the ledger of the services, dead letters."""
