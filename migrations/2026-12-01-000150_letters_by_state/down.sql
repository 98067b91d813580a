DROP INDEX dead_letters_by_state_idx;
