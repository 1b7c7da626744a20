import { testHistories } from "./support/runHistories";

testHistories(2);
