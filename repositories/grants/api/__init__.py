"""The API of sharing: teams and collaborators of a repository, what a team is granted, what is shared with oneself."""
