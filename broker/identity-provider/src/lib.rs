//! An OpenID provider to be embedded for demonstrations and tests.
