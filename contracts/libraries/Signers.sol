// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.24;

import {EIP7702Utils} from "@openzeppelin/contracts/account/utils/EIP7702Utils.sol";
import {IERC1271} from "@openzeppelin/contracts/interfaces/IERC1271.sol";
import {IERC7913SignatureVerifier} from "@openzeppelin/contracts/interfaces/IERC7913.sol";
import {ECDSA} from "@openzeppelin/contracts/utils/cryptography/ECDSA.sol";

/**
 * @title Signers
 * @notice Whether an account signed. What counts depends on the account's code alone, so that a signature of one form
 * can never stand for another: see `Consent`.
 */
library Signers {
    /// @dev Parts the accounts of ERC-7913 keys from all others: no point of secp256k1 has this as its first coordinate
    /// (an ordinary account's address is hashed from its point), and what CREATE and CREATE2 hash begins otherwise.
    bytes32 internal constant TAG = keccak256("Cairn account of an ERC-7913 key");

    uint256 private constant ECDSA_LENGTH = 65;

    /// @dev How many bytes tell the length of an ERC-7913 key in a signature.
    uint256 private constant KEY_PREFIX = 2;

    /// @dev `verifier (20 bytes) || public key`: a key of 20 bytes or less has no public key.
    uint256 internal constant VERIFIER_LENGTH = 20;

    /// @dev The code of an account with an EIP-7702 delegation: `0xef0100 || address`.
    uint256 private constant DELEGATED_CODE_LENGTH = 23;

    /// @dev The account of an ERC-7913 key.
    function keyAccount(bytes calldata key) internal pure returns (address) {
        return address(uint160(uint256(keccak256(abi.encodePacked(TAG, key)))));
    }

    /**
     * @dev Whether `signer` signed `digest`. Never reverts for a signature of a wrong form. Contracts are asked by
     * static calls: they can change nothing.
     * @param gasLimit The most gas that a contract may use
     */
    function isValidSignature(
        address signer,
        bytes32 digest,
        bytes calldata signature,
        uint256 gasLimit
    ) internal view returns (bool) {
        uint256 codeLength = signer.code.length;
        if (codeLength == 0) {
            if (signature.length == ECDSA_LENGTH) return _isEcdsaSignature(signer, digest, signature);
            return _isKeySignature(signer, digest, signature, gasLimit);
        }
        if (codeLength == DELEGATED_CODE_LENGTH && EIP7702Utils.fetchDelegate(signer) != address(0)) {
            if (_isEcdsaSignature(signer, digest, signature)) return true;
        }
        return _answers(signer, abi.encodeCall(IERC1271.isValidSignature, (digest, signature)), gasLimit);
    }

    function _isEcdsaSignature(address signer, bytes32 digest, bytes calldata signature) private pure returns (bool) {
        (address recovered, ECDSA.RecoverError error, ) = ECDSA.tryRecoverCalldata(digest, signature);
        return error == ECDSA.RecoverError.NoError && recovered == signer;
    }

    function _isKeySignature(
        address signer,
        bytes32 digest,
        bytes calldata signature,
        uint256 gasLimit
    ) private view returns (bool) {
        if (signature.length < KEY_PREFIX) return false;
        uint256 keyEnd = KEY_PREFIX + uint16(bytes2(signature[:KEY_PREFIX]));
        if (keyEnd <= KEY_PREFIX + VERIFIER_LENGTH || keyEnd > signature.length) return false;
        bytes calldata key = signature[KEY_PREFIX:keyEnd];
        if (keyAccount(key) != signer) return false;
        address verifier = address(bytes20(key[:VERIFIER_LENGTH]));
        // The precompile at 0x04 answers with the question, which begins as a yes does.
        if (verifier.code.length == 0) return false;
        bytes memory question = abi.encodeCall(
            IERC7913SignatureVerifier.verify,
            (key[VERIFIER_LENGTH:], digest, signature[keyEnd:])
        );
        return _answers(verifier, question, gasLimit);
    }

    /// @dev Whether a contract answers a call with the call's own selector, which is how ERC-1271 and ERC-7913 say yes.
    function _answers(address target, bytes memory question, uint256 gasLimit) private view returns (bool yes) {
        bytes32 selector = bytes4(question);
        // By assembly, because Solidity copies all that a contract returns: a hostile one could make the caller pay for
        // the memory of an answer of any length.
        // solhint-disable-next-line no-inline-assembly
        assembly ("memory-safe") {
            let success := staticcall(gasLimit, target, add(question, 32), mload(question), 0, 32)
            yes := and(and(success, gt(returndatasize(), 31)), eq(mload(0), selector))
        }
    }
}
