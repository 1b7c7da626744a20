// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.24;

import {Consent} from "../interfaces/Consent.sol";

/**
 * @title Consent hashes
 * @notice The EIP-712 struct hash of each consent. Every type names its signer first and ends with nonce and deadline;
 * strings and arrays enter by their hash.
 */
library ConsentHashes {
    bytes32 private constant REGISTER_DID = keccak256(
        "RegisterDID(address signer,string did,string documentUri,bytes32 documentHash,uint256 nonce,uint256 deadline)"
    );
    bytes32 private constant UPDATE_DOCUMENT = keccak256(
        "UpdateDocument(address signer,address identity,string documentUri,bytes32 documentHash,"
        "uint256 nonce,uint256 deadline)"
    );
    bytes32 private constant CHANGE_CONTROLLER = keccak256(
        "ChangeController(address signer,address identity,address newController,uint256 nonce,uint256 deadline)"
    );
    bytes32 private constant NAME_SUCCESSOR = keccak256(
        "NameSuccessor(address signer,address identity,bytes32 commitment,uint256 nonce,uint256 deadline)"
    );
    bytes32 private constant ROTATE_CONTROLLER = keccak256(
        "RotateController(address signer,address identity,bytes32 salt,bytes32 nextCommitment,"
        "uint256 nonce,uint256 deadline)"
    );
    bytes32 private constant ADD_DELEGATE = keccak256(
        "AddDelegate(address signer,address identity,bytes32 role,address delegate,uint64 expiresAt,"
        "uint256 nonce,uint256 deadline)"
    );
    bytes32 private constant REVOKE_DELEGATE = keccak256(
        "RevokeDelegate(address signer,address identity,bytes32 role,address delegate,uint256 nonce,uint256 deadline)"
    );
    bytes32 private constant DEACTIVATE_DID = keccak256(
        "DeactivateDID(address signer,address identity,uint256 nonce,uint256 deadline)"
    );
    bytes32 private constant CANCEL_NONCES = keccak256(
        "CancelNonces(address signer,address identity,bytes32 role,uint256 nextNonce,uint256 nonce,uint256 deadline)"
    );
    bytes32 private constant SET_STATUS = keccak256(
        "SetStatus(address signer,bytes32 credId,uint8 purpose,bool on,uint256 nonce,uint256 deadline)"
    );
    bytes32 private constant SET_STATUS_WORDS = keccak256(
        "SetStatusWords(address signer,address issuer,uint8 purpose,uint256 firstWord,uint256[] masks,bool on,"
        "uint256 nonce,uint256 deadline)"
    );
    bytes32 private constant SET_STATUS_MASKS = keccak256(
        "SetStatusMasks(address signer,address issuer,uint8 purpose,uint256[] words,uint256[] masks,bool on,"
        "uint256 nonce,uint256 deadline)"
    );
    bytes32 private constant ANCHOR_DIGEST = keccak256(
        "AnchorDigest(address signer,address identity,bytes32 digest,uint256 nonce,uint256 deadline)"
    );

    /// @param didHash The hash of the DID's text, which the contract writes itself when many register
    function registerDID(
        Consent calldata consent,
        bytes32 didHash,
        string calldata documentUri,
        bytes32 documentHash
    ) internal pure returns (bytes32) {
        return
            keccak256(
                abi.encode(
                    REGISTER_DID,
                    consent.signer,
                    didHash,
                    keccak256(bytes(documentUri)),
                    documentHash,
                    consent.nonce,
                    consent.deadline
                )
            );
    }

    function updateDocument(
        Consent calldata consent,
        address identity,
        string calldata documentUri,
        bytes32 documentHash
    ) internal pure returns (bytes32) {
        return
            keccak256(
                abi.encode(
                    UPDATE_DOCUMENT,
                    consent.signer,
                    identity,
                    keccak256(bytes(documentUri)),
                    documentHash,
                    consent.nonce,
                    consent.deadline
                )
            );
    }

    function changeController(
        Consent calldata consent,
        address identity,
        address newController
    ) internal pure returns (bytes32) {
        return
            keccak256(
                abi.encode(CHANGE_CONTROLLER, consent.signer, identity, newController, consent.nonce, consent.deadline)
            );
    }

    function nameSuccessor(
        Consent calldata consent,
        address identity,
        bytes32 commitment
    ) internal pure returns (bytes32) {
        return
            keccak256(
                abi.encode(NAME_SUCCESSOR, consent.signer, identity, commitment, consent.nonce, consent.deadline)
            );
    }

    function rotateController(
        Consent calldata consent,
        address identity,
        bytes32 salt,
        bytes32 nextCommitment
    ) internal pure returns (bytes32) {
        return
            keccak256(
                abi.encode(
                    ROTATE_CONTROLLER,
                    consent.signer,
                    identity,
                    salt,
                    nextCommitment,
                    consent.nonce,
                    consent.deadline
                )
            );
    }

    function addDelegate(
        Consent calldata consent,
        address identity,
        bytes32 role,
        address delegate,
        uint64 expiresAt
    ) internal pure returns (bytes32) {
        return
            keccak256(
                abi.encode(
                    ADD_DELEGATE,
                    consent.signer,
                    identity,
                    role,
                    delegate,
                    expiresAt,
                    consent.nonce,
                    consent.deadline
                )
            );
    }

    function revokeDelegate(
        Consent calldata consent,
        address identity,
        bytes32 role,
        address delegate
    ) internal pure returns (bytes32) {
        return
            keccak256(
                abi.encode(REVOKE_DELEGATE, consent.signer, identity, role, delegate, consent.nonce, consent.deadline)
            );
    }

    function deactivateDID(Consent calldata consent, address identity) internal pure returns (bytes32) {
        return keccak256(abi.encode(DEACTIVATE_DID, consent.signer, identity, consent.nonce, consent.deadline));
    }

    function cancelNonces(
        Consent calldata consent,
        address identity,
        bytes32 role,
        uint256 nextNonce
    ) internal pure returns (bytes32) {
        return
            keccak256(
                abi.encode(CANCEL_NONCES, consent.signer, identity, role, nextNonce, consent.nonce, consent.deadline)
            );
    }

    function setStatus(
        Consent calldata consent,
        bytes32 credId,
        uint8 purpose,
        bool on
    ) internal pure returns (bytes32) {
        return keccak256(abi.encode(SET_STATUS, consent.signer, credId, purpose, on, consent.nonce, consent.deadline));
    }

    function setStatusWords(
        Consent calldata consent,
        address issuer,
        uint8 purpose,
        uint256 firstWord,
        uint256[] calldata masks,
        bool on
    ) internal pure returns (bytes32) {
        return
            keccak256(
                abi.encode(
                    SET_STATUS_WORDS,
                    consent.signer,
                    issuer,
                    purpose,
                    firstWord,
                    keccak256(abi.encodePacked(masks)),
                    on,
                    consent.nonce,
                    consent.deadline
                )
            );
    }

    function setStatusMasks(
        Consent calldata consent,
        address issuer,
        uint8 purpose,
        uint256[] calldata words,
        uint256[] calldata masks,
        bool on
    ) internal pure returns (bytes32) {
        return
            keccak256(
                abi.encode(
                    SET_STATUS_MASKS,
                    consent.signer,
                    issuer,
                    purpose,
                    keccak256(abi.encodePacked(words)),
                    keccak256(abi.encodePacked(masks)),
                    on,
                    consent.nonce,
                    consent.deadline
                )
            );
    }

    function anchorDigest(Consent calldata consent, address identity, bytes32 digest) internal pure returns (bytes32) {
        return keccak256(abi.encode(ANCHOR_DIGEST, consent.signer, identity, digest, consent.nonce, consent.deadline));
    }
}
