ALTER TABLE `allocations` ADD `slurm_user` text;--> statement-breakpoint
ALTER TABLE `allocations` ADD `exit_code` integer;--> statement-breakpoint
ALTER TABLE `workflow_jobs` ADD `queued_at` integer;