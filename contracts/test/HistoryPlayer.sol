// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.24;

import {PlayedWallet} from "./PlayedWallet.sol";

/**
 * @title Plays many steps of a history in one transaction, for tests: each is a call of its own, and says how it ended.
 */
contract HistoryPlayer {
    /**
     * @param account The wallet that makes the call, or zero for this contract
     * @param data The calldata
     */
    struct Step {
        address account;
        bytes data;
    }

    /// @notice A step ended, after the events that it had.
    /// @param result What the call returned, or the error it reverted with
    event Played(bool success, bytes result);

    /// @notice Makes the calls in their order; one that reverts does not hinder the others.
    function play(address target, Step[] calldata steps) external {
        for (uint256 i = 0; i < steps.length; ++i) {
            Step calldata step = steps[i];
            bool byWallet = step.account != address(0);
            // solhint-disable-next-line avoid-low-level-calls
            (bool success, bytes memory result) = (byWallet ? step.account : target).call(
                byWallet ? abi.encodeCall(PlayedWallet.forward, (target, step.data)) : step.data
            );
            emit Played(success, result);
        }
    }
}
