ALTER TABLE ledger_entries DROP CONSTRAINT ledger_entries_correction_form;
DROP TABLE operator_actions;
DROP FUNCTION refuse_operator_action_change();
