"""The read-only API: `/api/v1`, its description as OpenAPI, and the tokens with which programs use it."""
