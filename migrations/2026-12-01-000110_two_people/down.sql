DROP FUNCTION set_correction_rule(text, text, bigint);
DROP FUNCTION withdraw_correction(bytea, bigint, text);
DROP FUNCTION decide_correction(bytea, bigint, boolean, bigint, text);
DROP FUNCTION request_correction(bytea, bigint, bigint, text, text, text);
DROP FUNCTION post_request(bigint, text, text, text);
DROP TABLE correction_requests;
DROP FUNCTION refuse_decided_change();
DROP TABLE correction_rule;
