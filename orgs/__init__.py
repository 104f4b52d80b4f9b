"""Organizations, memberships, teams, invitations. Their models come with issue 3; namespaces are ready for them."""
