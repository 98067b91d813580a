REVOKE SELECT (state) ON dead_letters FROM paynow_worker;
DROP FUNCTION check_ledger(integer);
DROP TABLE ledger_checks;
DROP VIEW ledger_violations;
