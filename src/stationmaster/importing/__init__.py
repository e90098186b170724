"""Coming from older setups: rosters of accounts and teams, and a config.toml's targets, previewed, brought in by a job."""
