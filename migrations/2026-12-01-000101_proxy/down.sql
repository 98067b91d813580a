DROP FUNCTION forget_proxy_secret(text, text);
DROP FUNCTION console_sign_in_by_proxy(text, text, text[], bytea, bytea);
DROP TABLE console_proxy;
