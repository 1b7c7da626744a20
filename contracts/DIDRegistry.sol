// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

import {Multicall} from "@openzeppelin/contracts/utils/Multicall.sol";
import {EIP712} from "@openzeppelin/contracts/utils/cryptography/EIP712.sol";
import {ERC165} from "@openzeppelin/contracts/utils/introspection/ERC165.sol";
import {IERC5267} from "@openzeppelin/contracts/interfaces/IERC5267.sol";
import {CredentialStatus} from "./CredentialStatus.sol";
import {DigestAnchor} from "./DigestAnchor.sol";
import {Identities} from "./Identities.sol";
import {ICredentialStatus} from "./interfaces/ICredentialStatus.sol";
import {IDigestAnchor} from "./interfaces/IDigestAnchor.sol";
import {IIdentity} from "./interfaces/IIdentity.sol";

/**
 * @title DID registry
 * @notice The contract that is deployed: identities, the status of the credentials that they issue, and the digests
 * that they anchor. It has no owner, holds no money and is never replaced. Many calls of one sender can be one
 * transaction, by `multicall`: all of them succeed, or none.
 */
contract DIDRegistry is Identities, CredentialStatus, DigestAnchor, Multicall, ERC165 {
    /// @param didMethod The name between `did:` and `:0x...`, 1 to 25 lower-case letters or digits
    constructor(string memory didMethod) EIP712("Cairn DIDRegistry", "2") Identities(didMethod) {}

    /// @inheritdoc ERC165
    function supportsInterface(bytes4 interfaceId) public view override returns (bool supported) {
        return
            interfaceId == type(IIdentity).interfaceId ||
            interfaceId == type(ICredentialStatus).interfaceId ||
            interfaceId == type(IDigestAnchor).interfaceId ||
            interfaceId == type(IERC5267).interfaceId ||
            super.supportsInterface(interfaceId);
    }
}
