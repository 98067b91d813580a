import { fileURLToPath } from "node:url";

import { defineConfig } from "@playwright/test";

import usual from "../playwright.config.mjs";

const testDir = fileURLToPath(new URL(".", import.meta.url));

export default defineConfig({ ...usual, testDir, testMatch: "pictures.spec.mjs" });
