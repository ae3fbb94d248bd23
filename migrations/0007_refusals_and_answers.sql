ALTER TABLE `fences` ADD `answers` integer DEFAULT 0 NOT NULL;--> statement-breakpoint
ALTER TABLE `runners` ADD `refusals` integer DEFAULT 0 NOT NULL;