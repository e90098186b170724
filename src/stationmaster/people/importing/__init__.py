"""People from files: reading a CSV, deciding what each row means, doing so as a job."""
