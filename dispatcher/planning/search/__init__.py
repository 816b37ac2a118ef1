"""Large-neighbourhood search over one problem model, live or static."""
