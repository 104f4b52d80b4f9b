"""The audit log: pages, API and export of the events of a person, an organization, a repository, or of all."""
