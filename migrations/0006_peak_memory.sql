-- Written by hand: drizzle-kit would copy the whole table for the sake of two CHECKs, which may come with their columns.
ALTER TABLE `allocations` ADD `peak_memory_mib` integer CONSTRAINT "allocations_peak_is_of_ended" CHECK("peak_memory_mib" is null or "state" = 'ended');--> statement-breakpoint
ALTER TABLE `allocations` ADD `accounting_due_at` integer CONSTRAINT "allocations_accounted_has_id" CHECK("accounting_due_at" is null or ("state" = 'ended' and "slurm_job_id" is not null));--> statement-breakpoint
ALTER TABLE `allocations` ADD `accounting_attempts` integer DEFAULT 0 NOT NULL;--> statement-breakpoint
CREATE INDEX `allocations_accounting` ON `allocations` (`accounting_due_at`) WHERE "allocations"."accounting_due_at" is not null;
