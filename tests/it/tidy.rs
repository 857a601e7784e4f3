//! House rules that a test can see: who imports whom, first comments, licences.
