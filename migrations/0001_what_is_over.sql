ALTER TABLE `instance` ADD `backup_taken_at` integer;--> statement-breakpoint
CREATE INDEX `cancels_done` ON `cancels` (`done_at`) WHERE "cancels"."done_at" is not null;--> statement-breakpoint
CREATE INDEX `fences_allocation` ON `fences` (`allocation_id`);--> statement-breakpoint
CREATE INDEX `workflow_jobs_completed` ON `workflow_jobs` (`completed_at`,`id`) WHERE "workflow_jobs"."status" = 'completed';--> statement-breakpoint
CREATE INDEX `workflow_runs_completed` ON `workflow_runs` (`completed_at`,`id`) WHERE "workflow_runs"."completed_at" is not null;