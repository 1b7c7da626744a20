import { testHistories } from "./support/runHistories";

testHistories(1);
