-- Whoever looks at a replay sees that it is paused, and not what was asked of a run that ended or died before.
--
-- Safe while the previous version runs: its runs note it too, and read it as little as what was asked.

-- What was asked of the replay up to this row was asked of an earlier run.
ALTER TABLE replay_runs ADD COLUMN asked_before bigint;

-- A run begins when another session takes the hold, or the same one takes it again after an end.
CREATE FUNCTION note_asked_before() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
BEGIN
    IF NEW.backend_pid <> OLD.backend_pid OR OLD.held_until = '-infinity' AND NEW.held_until > OLD.held_until THEN
        NEW.asked_before := (SELECT max(control_id) FROM replay_control WHERE action_id = NEW.action_id);
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER replay_runs_asked_before BEFORE UPDATE ON replay_runs
    FOR EACH ROW EXECUTE FUNCTION note_asked_before();

REVOKE EXECUTE ON FUNCTION note_asked_before() FROM PUBLIC;
