import { filesystemStore } from "../../src/store/filesystem-store.ts";
import { hexPath, storeContract } from "../contract/store.ts";

storeContract((directory) => filesystemStore(directory), hexPath);
