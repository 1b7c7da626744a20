// SPDX-License-Identifier: Apache-2.0
// solhint-disable one-contract-per-file
pragma solidity 0.8.30;

import {Signers} from "./libraries/Signers.sol";

/**
 * @title Asks whether an account signed a digest, by the registry's own rules
 * @notice Never deployed: its creation code is the data of an `eth_call` without a recipient, whose answer is a `bool`
 * in 32 bytes. So whoever asks off the chain runs the code that the registry runs.
 */
contract SignatureQuery {
    /**
     * @param signer The account
     * @param digest What it is to have signed
     * @param signature In one of the forms that `Consent` lists
     * @param gasLimit The most gas that the account's contract, or the verifier of its key, may use
     */
    constructor(address signer, bytes32 digest, bytes memory signature, uint256 gasLimit) {
        bool signed = new SignatureQueryCall().isValidSignature(signer, digest, signature, gasLimit);
        // By assembly, because a constructor answers with the code of a contract and not with a value.
        // solhint-disable-next-line no-inline-assembly
        assembly ("memory-safe") {
            mstore(0, signed)
            return(0, 32)
        }
    }
}

/// @title What `SignatureQuery` calls: the library reads signatures from calldata, which a constructor does not have
contract SignatureQueryCall {
    /// @notice See `Signers`.
    function isValidSignature(
        address signer,
        bytes32 digest,
        bytes calldata signature,
        uint256 gasLimit
    ) external view returns (bool) {
        return Signers.isValidSignature(signer, digest, signature, gasLimit);
    }
}
