CREATE TABLE `allocation_events` (
	`id` integer PRIMARY KEY AUTOINCREMENT NOT NULL,
	`allocation_id` text NOT NULL,
	`at` integer NOT NULL,
	`from_state` text,
	`to_state` text NOT NULL,
	`detail` text,
	FOREIGN KEY (`allocation_id`) REFERENCES `allocations`(`id`) ON UPDATE no action ON DELETE no action
);
--> statement-breakpoint
CREATE INDEX `allocation_events_allocation` ON `allocation_events` (`allocation_id`);--> statement-breakpoint
CREATE TABLE `allocations` (
	`id` text PRIMARY KEY NOT NULL,
	`scope` text NOT NULL,
	`profile` text NOT NULL,
	`pool` text NOT NULL,
	`labels` text NOT NULL,
	`state` text NOT NULL,
	`slurm_job_name` text NOT NULL,
	`slurm_job_id` integer,
	`node` text,
	`claim_token_hash` text,
	`event_token_hash` text,
	`claims` integer DEFAULT 0 NOT NULL,
	`created_at` integer NOT NULL,
	`submitted_at` integer,
	`first_claimed_at` integer,
	`started_at` integer,
	`releasing_at` integer,
	`ended_at` integer,
	`workflow_job_id` integer,
	`unconfirmed_since` integer,
	`release_outcome` text,
	`outcome` text,
	`reason` text,
	CONSTRAINT "allocations_state" CHECK("allocations"."state" in ('submitting', 'pending', 'claimed', 'busy', 'releasing', 'ended')),
	CONSTRAINT "allocations_ended_has_outcome" CHECK(("allocations"."state" = 'ended') = ("allocations"."outcome" is not null)),
	CONSTRAINT "allocations_ended_has_time" CHECK(("allocations"."state" = 'ended') = ("allocations"."ended_at" is not null)),
	CONSTRAINT "allocations_acknowledged_has_id" CHECK("allocations"."state" in ('submitting', 'ended') or "allocations"."slurm_job_id" is not null),
	CONSTRAINT "allocations_claimed_has_time" CHECK("allocations"."state" <> 'claimed' or "allocations"."first_claimed_at" is not null),
	CONSTRAINT "allocations_releasing_has_outcome" CHECK("allocations"."state" <> 'releasing' or "allocations"."release_outcome" is not null),
	CONSTRAINT "allocations_claims_bounded" CHECK("allocations"."claims" between 0 and 3)
);
--> statement-breakpoint
CREATE UNIQUE INDEX `allocations_slurm_job_name_unique` ON `allocations` (`slurm_job_name`);--> statement-breakpoint
CREATE UNIQUE INDEX `allocations_slurm_job_id_live` ON `allocations` (`slurm_job_id`) WHERE "allocations"."slurm_job_id" is not null and "allocations"."state" <> 'ended';--> statement-breakpoint
CREATE INDEX `allocations_live` ON `allocations` (`pool`,`created_at`) WHERE "allocations"."state" <> 'ended';--> statement-breakpoint
CREATE INDEX `allocations_unconfirmed` ON `allocations` (`pool`) WHERE "allocations"."unconfirmed_since" is not null;--> statement-breakpoint
CREATE INDEX `allocations_ended` ON `allocations` (`ended_at`,`id`) WHERE "allocations"."state" = 'ended';--> statement-breakpoint
CREATE TABLE `cancels` (
	`slurm_job_id` integer NOT NULL,
	`slurm_job_name` text NOT NULL,
	`reason` text NOT NULL,
	`created_at` integer NOT NULL,
	`attempts` integer DEFAULT 0 NOT NULL,
	`retry_at` integer NOT NULL,
	`done_at` integer,
	PRIMARY KEY(`slurm_job_id`, `slurm_job_name`)
);
--> statement-breakpoint
CREATE INDEX `cancels_open` ON `cancels` (`retry_at`) WHERE "cancels"."done_at" is null;--> statement-breakpoint
CREATE TABLE `fences` (
	`slurm_job_name` text PRIMARY KEY NOT NULL,
	`allocation_id` text NOT NULL,
	`created_at` integer NOT NULL,
	`attempts` integer DEFAULT 0 NOT NULL,
	`retry_at` integer NOT NULL,
	`answered_at` integer,
	`done_at` integer,
	FOREIGN KEY (`allocation_id`) REFERENCES `allocations`(`id`) ON UPDATE no action ON DELETE no action
);
--> statement-breakpoint
CREATE INDEX `fences_open` ON `fences` (`retry_at`) WHERE "fences"."done_at" is null;--> statement-breakpoint
CREATE INDEX `fences_unanswered` ON `fences` (`allocation_id`) WHERE "fences"."answered_at" is null;--> statement-breakpoint
CREATE TABLE `instance` (
	`only` integer PRIMARY KEY NOT NULL,
	`id` text NOT NULL,
	`created_at` integer NOT NULL,
	CONSTRAINT "instance_single_row" CHECK("instance"."only" = 1)
);
--> statement-breakpoint
CREATE TABLE `pool_health` (
	`pool` text PRIMARY KEY NOT NULL,
	`stage` text NOT NULL,
	`strikes` integer NOT NULL,
	`reason` text NOT NULL,
	`retry_at` integer NOT NULL
);
--> statement-breakpoint
CREATE TABLE `runners` (
	`name` text PRIMARY KEY NOT NULL,
	`allocation_id` text NOT NULL,
	`scope` text NOT NULL,
	`state` text NOT NULL,
	`github_runner_id` integer,
	`minted_at` integer NOT NULL,
	`online_at` integer,
	`attempts` integer DEFAULT 0 NOT NULL,
	`retry_at` integer DEFAULT 0 NOT NULL,
	FOREIGN KEY (`allocation_id`) REFERENCES `allocations`(`id`) ON UPDATE no action ON DELETE no action,
	CONSTRAINT "runners_state" CHECK("runners"."state" in ('minting', 'registered', 'doubtful', 'refused', 'deregistered')),
	CONSTRAINT "runners_registered_has_id" CHECK("runners"."state" <> 'registered' or "runners"."github_runner_id" is not null)
);
--> statement-breakpoint
CREATE UNIQUE INDEX `runners_one_mint` ON `runners` (`allocation_id`) WHERE "runners"."state" = 'minting';--> statement-breakpoint
CREATE INDEX `runners_allocation` ON `runners` (`allocation_id`);--> statement-breakpoint
CREATE INDEX `runners_open` ON `runners` (`scope`) WHERE "runners"."state" in ('minting', 'registered', 'doubtful');--> statement-breakpoint
CREATE TABLE `workflow_jobs` (
	`id` integer PRIMARY KEY NOT NULL,
	`run_id` integer NOT NULL,
	`run_attempt` integer NOT NULL,
	`repository` text NOT NULL,
	`name` text NOT NULL,
	`workflow_name` text,
	`labels` text NOT NULL,
	`status` text NOT NULL,
	`conclusion` text,
	`verdict` text NOT NULL,
	`reason` text,
	`profile` text,
	`pool` text,
	`runner_name` text,
	`created_at` integer NOT NULL,
	`started_at` integer,
	`completed_at` integer,
	`first_seen_at` integer NOT NULL,
	`misses` integer DEFAULT 0 NOT NULL,
	CONSTRAINT "workflow_jobs_status" CHECK("workflow_jobs"."status" in ('queued', 'in_progress', 'completed', 'waiting', 'pending', 'requested')),
	CONSTRAINT "workflow_jobs_verdict" CHECK("workflow_jobs"."verdict" in ('ours', 'rejected')),
	CONSTRAINT "workflow_jobs_ours_has_pool" CHECK(("workflow_jobs"."verdict" = 'ours') = ("workflow_jobs"."pool" is not null and "workflow_jobs"."profile" is not null)),
	CONSTRAINT "workflow_jobs_rejected_has_reason" CHECK("workflow_jobs"."verdict" <> 'rejected' or "workflow_jobs"."reason" is not null)
);
--> statement-breakpoint
CREATE INDEX `workflow_jobs_open` ON `workflow_jobs` (`repository`) WHERE "workflow_jobs"."status" <> 'completed';--> statement-breakpoint
CREATE INDEX `workflow_jobs_queued` ON `workflow_jobs` (`pool`,`created_at`) WHERE "workflow_jobs"."status" = 'queued';--> statement-breakpoint
CREATE INDEX `workflow_jobs_runner` ON `workflow_jobs` (`runner_name`) WHERE "workflow_jobs"."runner_name" is not null;--> statement-breakpoint
CREATE TABLE `workflow_runs` (
	`id` integer PRIMARY KEY NOT NULL,
	`repository` text NOT NULL,
	`first_seen_at` integer NOT NULL,
	`completed_at` integer
);
--> statement-breakpoint
CREATE INDEX `workflow_runs_live` ON `workflow_runs` (`repository`) WHERE "workflow_runs"."completed_at" is null;