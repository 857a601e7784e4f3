//! The Container Registry domain: wire types and calls, with the API version each was written for.
