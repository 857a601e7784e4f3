//! The plugin process from outside: cookie, handshake line, mutual TLS, signals, shutdown.
