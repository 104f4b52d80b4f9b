"""The organization's pages: the list, the members, the teams, the settings."""
