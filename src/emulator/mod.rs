//! A small, faithful ARM: written from the published specification and recordings, never from our client.
