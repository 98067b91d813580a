DROP TRIGGER replay_runs_asked_before ON replay_runs;
DROP FUNCTION note_asked_before();
ALTER TABLE replay_runs DROP COLUMN asked_before;
