"""The service: REST, a page, and a client. Needs the extra ``serve``, but for the client."""
