"""Reflection, health, unknown services, the catalogue; and that our messages are the clients' own."""

from __future__ import annotations

import importlib
import json
import pkgutil
import unittest

import grpc
import tensorflow_serving.apis
from google.protobuf import descriptor_pool
from google.protobuf.descriptor import Descriptor, FieldDescriptor
from grpc_health.v1 import health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha.proto_reflection_descriptor_database import ProtoReflectionDescriptorDatabase
from tritonclient.grpc import service_pb2  # noqa: F401  its descriptors are what ours are held against

from .support import channel

SERVICES = {
    "inference.GRPCInferenceService",
    "tensorflow.serving.PredictionService",
    "tensorflow.serving.ModelService",
    "ocellus.v1.Catalog",
    "grpc.health.v1.Health",
}


def reflected() -> ProtoReflectionDescriptorDatabase:
    return ProtoReflectionDescriptorDatabase(channel())


def messages(message: Descriptor) -> list[Descriptor]:
    return [message, *(inner for nested in message.nested_types for inner in messages(nested))]


class Standards(unittest.TestCase):
    def test_reflection(self) -> None:
        self.assertLessEqual(SERVICES, set(reflected().get_services()))

    def test_health(self) -> None:
        health = health_pb2_grpc.HealthStub(channel())
        serving = health_pb2.HealthCheckResponse.SERVING
        for name in ("", "inference.GRPCInferenceService"):
            self.assertEqual(health.Check(health_pb2.HealthCheckRequest(service=name)).status, serving)
        with self.assertRaises(grpc.RpcError) as raised:
            health.Check(health_pb2.HealthCheckRequest(service="nothing"))
        self.assertEqual(raised.exception.code(), grpc.StatusCode.NOT_FOUND)

    def test_what_there_is_not_is_unimplemented(self) -> None:
        for method in ("/nothing.Service/Call", "/inference.GRPCInferenceService/Nothing"):
            with self.assertRaises(grpc.RpcError) as raised:
                channel().unary_unary(method)(b"")
            self.assertEqual(raised.exception.code(), grpc.StatusCode.UNIMPLEMENTED)

    def test_the_catalogue_has_every_model(self) -> None:
        pool = descriptor_pool.DescriptorPool(reflected())
        from google.protobuf import message_factory

        request = message_factory.GetMessageClass(pool.FindMessageTypeByName("ocellus.v1.WatchRequest"))
        response = message_factory.GetMessageClass(pool.FindMessageTypeByName("ocellus.v1.WatchResponse"))
        watch = channel().unary_stream(
            "/ocellus.v1.Catalog/Watch", request.SerializeToString, response.FromString
        )(request())
        first = next(iter(watch))
        watch.cancel()
        self.assertTrue(first.settled)
        self.assertEqual({model.name for model in first.models}, {"classifier", "detector", "faces"})
        for model in first.models:
            for version in model.versions:
                self.assertIn("task", json.loads(version.served.contract_json))

    def test_our_messages_are_the_clients(self) -> None:
        for module in pkgutil.iter_modules(tensorflow_serving.apis.__path__):
            if module.name.endswith("_pb2"):
                importlib.import_module(f"tensorflow_serving.apis.{module.name}")
        theirs = descriptor_pool.Default()
        ours = descriptor_pool.DescriptorPool(reflected())
        compared = 0
        for service in SERVICES - {"ocellus.v1.Catalog", "grpc.health.v1.Health"}:
            file = ours.FindServiceByName(service).file
            for described in (file, *file.dependencies):
                for top in described.message_types_by_name.values():
                    for message in messages(top):
                        compared += self.compare(message, theirs)
        self.assertGreater(compared, 200)

    def compare(self, ours: Descriptor, theirs: descriptor_pool.DescriptorPool) -> int:
        other = theirs.FindMessageTypeByName(ours.full_name)
        for field in ours.fields:
            own = other.fields_by_name.get(field.name)
            self.assertIsNotNone(own, f"{ours.full_name}.{field.name} is not theirs")
            self.assertEqual(field.number, own.number, field.full_name)
            kinds = {field.type, own.type}
            # A number of an enumeration is the same on the wire.
            same = len(kinds) == 1 or kinds == {FieldDescriptor.TYPE_ENUM, FieldDescriptor.TYPE_INT32}
            self.assertTrue(same, f"{field.full_name} is of another type")
            self.assertEqual(field.is_repeated, own.is_repeated, field.full_name)
        return len(ours.fields)
