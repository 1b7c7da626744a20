// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.24;

import {Multicall} from "@openzeppelin/contracts/utils/Multicall.sol";
import {ContractWallet} from "./ContractWallet.sol";

/// @title A wallet that makes many calls in one transaction, for benchmarks that need many events fast.
contract BatchingWallet is ContractWallet, Multicall {
    constructor(address owner) ContractWallet(owner) {}
}
