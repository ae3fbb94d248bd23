CREATE TABLE `allocation_outputs` (
	`allocation_id` text PRIMARY KEY NOT NULL,
	`at` integer NOT NULL,
	`text` text NOT NULL,
	FOREIGN KEY (`allocation_id`) REFERENCES `allocations`(`id`) ON UPDATE no action ON DELETE no action,
	CONSTRAINT "allocation_outputs_bounded" CHECK(length("allocation_outputs"."text") <= 65536)
);
--> statement-breakpoint
ALTER TABLE `allocations` ADD `node_started_at` integer;--> statement-breakpoint
ALTER TABLE `allocations` ADD `prepared_ms` integer;--> statement-breakpoint
ALTER TABLE `allocations` ADD `image_ms` integer;--> statement-breakpoint
ALTER TABLE `allocations` ADD `docker_ms` integer;