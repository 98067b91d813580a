DROP INDEX operator_actions_ends_idx;
