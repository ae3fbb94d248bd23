-- Rows in every table and in every state, as the version 0007 keeps them.
insert into instance (only, id, created_at, backup_taken_at) values (1, 'abcdefgh', 1767603600000, 1767603700000);

insert into workflow_runs (id, repository, first_seen_at, completed_at) values
  (9000000001, 'acme/app', 1767603600000, null),
  (9000000002, 'acme/app', 1767517200000, 1767518000000),
  (9000000003, 'acme/lib', 1764925200000, 1764926000000);

insert into workflow_jobs (id, run_id, run_attempt, repository, name, workflow_name, labels, status, conclusion, verdict, reason, profile, pool, runner_name, created_at, started_at, completed_at, first_seen_at, misses, queued_at) values
  (50000000001, 9000000001, 1, 'acme/app', 'build (ubuntu, "24")', 'CI', '["self-hosted","slurm-small"]', 'queued', null, 'ours', null, 'slurm-small', '["acme/app","slurm-small",["self-hosted","slurm-small"]]', null, 1767603600000, null, null, 1767603601000, 1, 1767603605000),
  (50000000002, 9000000001, 2, 'acme/app', 'test', 'CI', '["slurm-small"]', 'in_progress', null, 'ours', null, 'slurm-small', '["acme/app","slurm-small",["slurm-small"]]', 'gha-abcdefgh-aaaaaaaaaaaabusy-1', 1767603600000, 1767603660000, null, 1767603601000, 0, null),
  (50000000003, 9000000002, 1, 'acme/app', 'test', 'CI', '["slurm-small"]', 'completed', 'success', 'ours', null, 'slurm-small', '["acme/app","slurm-small",["slurm-small"]]', 'gha-abcdefgh-aaaaaaaaaaaadone-2', 1767517200000, 1767517260000, 1767518000000, 1767517201000, 0, null),
  (50000000004, 9000000003, 1, 'acme/lib', 'gone', null, '["slurm-large"]', 'completed', null, 'ours', 'GitHub no longer knows this job.', 'slurm-large', '["acme/lib","slurm-large",["slurm-large"]]', null, 1764925200000, null, 1764926000000, 1764925201000, 2, null),
  (50000000005, 9000000001, 1, 'acme/app', 'two sizes', 'CI', '["slurm-small","slurm-large"]', 'queued', null, 'rejected', 'It names 2 size labels (slurm-small, slurm-large); keep one of them in runs-on.', null, null, null, 1767603600000, null, null, 1767603601000, 0, null),
  (50000000006, 9000000001, 1, 'acme/app', 'deploy', 'CI', '["slurm-small"]', 'waiting', null, 'ours', null, 'slurm-small', '["acme/app","slurm-small",["slurm-small"]]', null, 1767603600000, null, null, 1767603601000, 0, null),
  (50000000007, 9000000001, 1, 'acme/app', 'locked', 'CI', '["slurm-small"]', 'pending', null, 'ours', null, 'slurm-small', '["acme/app","slurm-small",["slurm-small"]]', null, 1767603600000, null, null, 1767603601000, 0, null),
  (50000000008, 9000000001, 1, 'acme/app', 'asked', 'CI', '["slurm-small"]', 'requested', null, 'ours', null, 'slurm-small', '["acme/app","slurm-small",["slurm-small"]]', null, 1767603600000, null, null, 1767603601000, 0, null);

insert into allocations (id, scope, profile, pool, labels, state, slurm_job_name, slurm_job_id, node, claim_token_hash, event_token_hash, claims, created_at, submitted_at, first_claimed_at, started_at, releasing_at, ended_at, workflow_job_id, unconfirmed_since, release_outcome, outcome, reason, slurm_user, exit_code, node_started_at, prepared_ms, image_ms, docker_ms, made_for_job_id, peak_memory_mib, accounting_due_at, accounting_attempts) values
  ('aaaaaaaaaaasubmit', 'acme/app', 'slurm-small', '["acme/app","slurm-small",["slurm-small"]]', '["slurm-small"]', 'submitting', 'gha-abcdefgh-aaaaaaaaaaasubmit', null, null, 'hash-1', null, 0, 1767603610000, null, null, null, null, null, null, null, null, null, null, null, null, null, null, null, null, 50000000001, null, null, 0),
  ('aaaaaaaaaaaapendi', 'acme/app', 'slurm-small', '["acme/app","slurm-small",["slurm-small"]]', '["slurm-small"]', 'pending', 'gha-abcdefgh-aaaaaaaaaaaapendi', 101, null, 'hash-2', null, 0, 1767603610000, 1767603611000, null, null, null, null, null, null, null, null, null, null, null, null, null, null, null, null, null, null, 0),
  ('aaaaaaaaaaaaclaim', 'acme/app', 'slurm-small', '["acme/app","slurm-small",["slurm-small"]]', '["slurm-small"]', 'claimed', 'gha-abcdefgh-aaaaaaaaaaaaclaim', 102, 'node1', 'hash-3', 'event-3', 3, 1767603610000, 1767603611000, 1767603620000, null, null, null, null, null, null, null, null, null, null, 1767603619000, 900, 500, 300, null, null, null, 0),
  ('aaaaaaaaaaaabusy', 'acme/app', 'slurm-small', '["acme/app","slurm-small",["slurm-small"]]', '["slurm-small"]', 'busy', 'gha-abcdefgh-aaaaaaaaaaaabusy', 103, 'node2', null, 'event-4', 1, 1767603610000, 1767603611000, 1767603620000, 1767603660000, null, null, 50000000002, null, null, null, null, null, null, 1767603619000, 900, 500, 300, 50000000002, null, null, 0),
  ('aaaaaaaaaaareleas', 'acme/app', 'slurm-small', '["acme/app","slurm-small",["slurm-small"]]', '["slurm-small"]', 'releasing', 'gha-abcdefgh-aaaaaaaaaaareleas', 104, 'node2', null, 'event-5', 1, 1767603610000, 1767603611000, 1767603620000, null, 1767603700000, null, null, null, 'idle', null, 'Its runner was online and no job came.', null, null, null, null, null, null, null, null, null, 0),
  ('aaaaaaaaaaaadone', 'acme/app', 'slurm-small', '["acme/app","slurm-small",["slurm-small"]]', '["slurm-small"]', 'ended', 'gha-abcdefgh-aaaaaaaaaaaadone', 101, 'node1', null, 'event-6', 2, 1767517200000, 1767517201000, 1767517210000, 1767517260000, null, 1767518001000, 50000000003, null, null, 'completed', 'Slurm job 101 is COMPLETED.', 'ci', 0, null, null, null, null, 50000000003, 212, null, 1),
  ('aaaaaaaaaaaalost', 'acme/app', 'slurm-small', '["acme/app","slurm-small",["slurm-small"]]', '["slurm-small"]', 'ended', 'gha-abcdefgh-aaaaaaaaaaaalost', null, null, 'hash-7', null, 0, 1767603000000, null, null, null, null, 1767603010000, null, null, null, 'submit-lost', 'Slurm did not answer.', null, null, null, null, null, null, null, null, null, 0),
  ('aaaaaaaaaaunconfi', 'acme/app', 'slurm-small', '["acme/app","slurm-small",["slurm-small"]]', '["slurm-small"]', 'ended', 'gha-abcdefgh-aaaaaaaaaaunconfi', 99, 'node1', null, 'event-8', 1, 1767603000000, 1767603001000, 1767603002000, null, null, 1767603600000, null, 1767603600000, null, 'slurm:COMPLETED', 'Slurm job 99 is COMPLETED.', null, null, null, null, null, null, null, null, 1767603615000, 0);

insert into runners (name, allocation_id, scope, state, github_runner_id, minted_at, online_at, attempts, retry_at, refusals) values
  ('gha-abcdefgh-aaaaaaaaaaaaclaim-1', 'aaaaaaaaaaaaclaim', 'acme/app', 'refused', null, 1767603620000, null, 0, 0, 7),
  ('gha-abcdefgh-aaaaaaaaaaaaclaim-2', 'aaaaaaaaaaaaclaim', 'acme/app', 'minting', null, 1767603621000, null, 0, 0, 0),
  ('gha-abcdefgh-aaaaaaaaaaaabusy-1', 'aaaaaaaaaaaabusy', 'acme/app', 'registered', 21, 1767603620000, 1767603630000, 0, 0, 0),
  ('gha-abcdefgh-aaaaaaaaaaareleas-1', 'aaaaaaaaaaareleas', 'acme/app', 'doubtful', null, 1767603620000, null, 3, 1767603720000, 0),
  ('gha-abcdefgh-aaaaaaaaaaaadone-1', 'aaaaaaaaaaaadone', 'acme/app', 'refused', null, 1767517210000, null, 0, 0, 7),
  ('gha-abcdefgh-aaaaaaaaaaaadone-2', 'aaaaaaaaaaaadone', 'acme/app', 'deregistered', 20, 1767517211000, 1767517250000, 1, 1767518000000, 0);

insert into allocation_events (id, allocation_id, at, from_state, to_state, detail) values
  (1, 'aaaaaaaaaaaadone', 1767517200000, null, 'submitting', null),
  (2, 'aaaaaaaaaaaadone', 1767517201000, 'submitting', 'pending', null),
  (3, 'aaaaaaaaaaaadone', 1767517210000, 'pending', 'claimed', 'claimed by Slurm job 101 on node1'),
  (4, 'aaaaaaaaaaaadone', 1767517260000, 'claimed', 'busy', 'its runner says that a job started'),
  (5, 'aaaaaaaaaaaadone', 1767518001000, 'busy', 'ended', 'completed: Slurm job 101 is COMPLETED.'),
  (17, 'aaaaaaaaaaasubmit', 1767603610000, null, 'submitting', null);

insert into cancels (slurm_job_id, slurm_job_name, reason, created_at, attempts, retry_at, done_at) values
  (104, 'gha-abcdefgh-aaaaaaaaaaareleas', 'released', 1767603740000, 2, 1767603800000, null),
  (77, 'gha-abcdefgh-aaaaaaaaaaaadone', 'another Slurm job holds its allocation', 1767517220000, 0, 1767517220000, 1767517221000);

insert into fences (slurm_job_name, allocation_id, created_at, attempts, retry_at, answered_at, done_at, answers) values
  ('gha-abcdefgh-aaaaaaaaaaaalost', 'aaaaaaaaaaaalost', 1767603010000, 4, 1767603900000, null, null, 0),
  ('gha-abcdefgh-aaaaaaaaaaaadone', 'aaaaaaaaaaaadone', 1767300000000, 0, 1767400000000, 1767300001000, 1767400000000, 29);

insert into pool_health (pool, stage, strikes, reason, retry_at) values
  ('["acme/app","slurm-small",["slurm-small"]]', 'claim', 1, 'Slurm job 98 is NODE_FAIL.', 1767603500000),
  ('["acme/lib","slurm-large",["slurm-large"]]', 'submit', 5, 'Slurm refused it: Invalid qos specification', 1767604500000),
  ('["acme/lib","slurm-small",["slurm-small"]]', 'start', 3, 'Its runner was online and no job came.', 1767604500000);

insert into allocation_outputs (allocation_id, at, text) values
  ('aaaaaaaaaaunconfi', 1767603590000, 'gha-slurm: the runner has ended');
