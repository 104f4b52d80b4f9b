"""Who may do what with repositories: sharing them, and seeing, explaining and trying out who has access."""
