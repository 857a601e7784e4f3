//! The emulator over real HTTPS: status, headers and the exact set of JSON keys of every answer.
