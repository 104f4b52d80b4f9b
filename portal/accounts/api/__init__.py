"""The API's sign-in, access tokens, authentication and error format."""
