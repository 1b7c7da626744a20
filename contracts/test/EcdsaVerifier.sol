// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.24;

import {IERC7913SignatureVerifier} from "@openzeppelin/contracts/interfaces/IERC7913.sol";
import {ECDSA} from "@openzeppelin/contracts/utils/cryptography/ECDSA.sol";

/**
 * @title A verifier of ERC-7913 keys of secp256k1, for tests: the public key is given by its address.
 * @dev With it, the key of an ordinary account stands behind a key account too.
 */
contract EcdsaVerifier is IERC7913SignatureVerifier {
    /// @inheritdoc IERC7913SignatureVerifier
    function verify(bytes calldata key, bytes32 hash, bytes calldata signature) external pure returns (bytes4) {
        (address recovered, , ) = ECDSA.tryRecoverCalldata(hash, signature);
        bool valid = key.length == 20 && recovered != address(0) && recovered == address(bytes20(key));
        return valid ? IERC7913SignatureVerifier.verify.selector : bytes4(0xffffffff);
    }
}
