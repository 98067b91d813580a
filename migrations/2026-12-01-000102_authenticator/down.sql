DROP FUNCTION console_sign_in(text, bytea, text, bytea);
DROP FUNCTION console_challenge(text);
DROP FUNCTION code_at(bytea, bigint);
DROP FUNCTION sha1_of(bytea);
